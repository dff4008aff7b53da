"""Makes demo/data from a copy of the figshare brain tumour pack: python demo/make_data.py FOLDER_OF_THE_PACK

Takes the whole search split (72 images) and every fourth test image (60), bytes unchanged, and writes data.csv and classes.txt."""
import csv
import pathlib
import shutil
import sys

pack, here = pathlib.Path(sys.argv[1]), pathlib.Path(__file__).parent / "data"
rows = list(csv.DictReader(open(pack / "manifest.csv")))
chosen = [r for r in rows if r["split"] == "search"] + [r for r in rows if r["split"] == "test"][::4]
(here / "images").mkdir(parents=True, exist_ok=True)
(here / "masks").mkdir(exist_ok=True)
with open(here / "data.csv", "w", newline="") as file:
    out = csv.writer(file, lineterminator="\n")
    out.writerow(["image", "labels", "mask", "boxes", "split"])
    for r in chosen:
        shutil.copyfile(pack / r["image"], here / r["image"])
        shutil.copyfile(pack / r["mask"], here / r["mask"])
        out.writerow([r["image"], r["label"], r["mask"], " ".join(r[k] for k in ("x0", "y0", "x1", "y1")), r["split"]])
(here / "classes.txt").write_text("glioma\nmeningioma\nno tumour\npituitary\n")
