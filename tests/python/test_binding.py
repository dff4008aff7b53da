"""The binding against the program: the same maps, the same masks; errors, lifetimes, threads."""
import gc
import json
import os
import pathlib
import signal
import subprocess
import sys
import tempfile
import threading
import time
import unittest
import weakref

import numpy as np

import ssgcam

ROOT = pathlib.Path(__file__).resolve().parents[2]
FIXTURES = ROOT / "tests" / "fixtures"
PROGRAM = os.environ.get("SSGCAM_PROGRAM", str(ROOT / "build" / "release" / "ssgcam"))
MODEL = FIXTURES / "tiny.onnx"
IMAGES = sorted((ROOT / "demo" / "data" / "images").glob("*.jpg"))[:3]

try:
    import torch
except ImportError:
    torch = None


def program(*arguments):
    subprocess.run([PROGRAM, *map(str, arguments), "--device", "cpu"], check=True, capture_output=True)


class WithModel(unittest.TestCase):
    def setUp(self):
        self.model = ssgcam.Model(MODEL, device="cpu", threads=1)
        self.addCleanup(self.model.close)
        self.arrays = np.random.default_rng(1).standard_normal((4, 3, 32, 48)).astype(np.float32)
        folder = tempfile.TemporaryDirectory()
        self.addCleanup(folder.cleanup)
        self.folder = pathlib.Path(folder.name)


class Inside(WithModel):
    def test_what_the_program_says(self):
        said = json.loads(subprocess.run([PROGRAM, "inspect", MODEL, "--json"], check=True, capture_output=True, text=True).stdout)
        self.assertEqual(self.model.classes, said["classes"])
        self.assertEqual(list(self.model.size), said["input"])
        self.assertEqual(self.model.head, said["head"])
        self.assertEqual(self.model.digest, said["digest"])
        self.assertEqual([(one.name, one.node, one.operator, list(one.shape), one.candidate) for one in self.model.layers],
                         [(one["name"], one["node"], one["operator"], one["shape"], one["candidate"]) for one in said["layers"]])
        self.assertEqual(self.model.input_shape, (3, 32, 48))
        self.assertEqual([self.model.find_class("blue"), self.model.find_class(1)], [2, 1])

    def test_preprocessing_in_force(self):
        with ssgcam.Model(MODEL, preprocess={"mean": "0.1,0.2,0.3"}, device="cpu") as other:
            self.assertNotEqual(other.explain(IMAGES[0], 1)[0].score, self.model.explain(IMAGES[0], 1)[0].score)


class Explain(WithModel):
    def test_files_as_the_program_does(self):
        program("explain", MODEL, *IMAGES, "--class", "0", "--class", "blue", "--sigma", "2", "--layers", "all", "--save", "npy", "-o", self.folder)
        maps = self.model.explain(IMAGES, [0, "blue"], sigma=2, layers="all")
        self.assertEqual([(one.input, one.label, one.name) for one in maps],
                         [(str(path), *which) for path in IMAGES for which in ((0, "red"), (2, "blue"))])
        for one in maps:
            np.testing.assert_array_equal(one.map, np.load(self.folder / f"{pathlib.Path(one.input).stem}.{one.label}.npy"))
            self.assertGreater(one.map.max(), 0.99)

    def test_arrays_as_the_program_does(self):
        np.save(self.folder / "four.npy", self.arrays)
        for method in ("gradcam", "layercam", "scorecam"):
            program("explain", MODEL, self.folder / "four.npy", "--class", "1", "--method", method, "--save", "npy", "-o", self.folder)
            maps = self.model.explain(self.arrays, 1, method=method)
            self.assertEqual([one.image for one in maps], [0, 1, 2, 3])
            for one in maps:
                np.testing.assert_array_equal(one.map, np.load(self.folder / f"four.{one.image}.1.npy"), method)

    def test_scores_are_the_softmax(self):
        for image in range(4):
            three = self.model.explain(self.arrays[image], [0, 1, 2])
            exps = np.exp([one.score for one in three])
            np.testing.assert_allclose([one.probability for one in three], exps / exps.sum(), rtol=1e-5)
            top, = self.model.explain(self.arrays[image])
            self.assertEqual(top.label, int(np.argmax(exps)))

    def test_pgc_differs_and_recipe_is_the_same_as_settings(self):
        own, = self.model.explain(self.arrays[0], 0, layers="all", sigma=1)
        pgc, = self.model.explain(self.arrays[0], 0, layers="all", sigma=1, preset="pgc")
        self.assertTrue(np.any(own.map != pgc.map))
        with ssgcam.Recipe.of(self.model, layers=["relu1", "relu2"], sigma=1) as recipe:
            same, = self.model.explain(self.arrays[0], 0, recipe=recipe)
        np.testing.assert_array_equal(own.map, same.map)

    def test_any_layout_and_float(self):
        wanted = np.stack(self.model.explain(self.arrays, 0))
        reversed_axes = np.asfortranarray(self.arrays)
        every_other = np.repeat(self.arrays, 2, axis=0)[::2]
        for given in (reversed_axes, every_other, self.arrays.astype(np.float64), memoryview(self.arrays), self.arrays.tolist()):
            np.testing.assert_array_equal(np.stack(self.model.explain(given, 0)), wanted)

    def test_result_is_the_callers_and_speaks_dlpack(self):
        one, = self.model.explain(self.arrays[0], 0)
        before = one.map.copy()
        self.model.explain(self.arrays, 1)
        np.testing.assert_array_equal(one.map, before)
        np.testing.assert_array_equal(np.from_dlpack(one), before)

    @unittest.skipUnless(torch, "torch is not installed")
    def test_torch(self):
        wanted, = self.model.explain(self.arrays[0], 0)
        for tensor in (torch.from_numpy(self.arrays[0]), torch.from_numpy(self.arrays[0]).requires_grad_(),
                       torch.from_numpy(self.arrays[0]).to(memory_format=torch.preserve_format)):
            got, = self.model.explain(tensor, 0)
            self.assertTrue(torch.equal(torch.from_dlpack(got), torch.from_numpy(wanted.map)))


class Label(WithModel):
    def setUp(self):
        super().setUp()
        self.recipe = ssgcam.Recipe.of(self.model, layers="all", sigma=1, threshold=100)
        self.recipe.save(self.folder / "recipe.json")

    def test_files_as_generate_does(self):
        pictures = self.folder / "pictures"
        pictures.mkdir()
        for path in IMAGES:
            (pictures / path.name).write_bytes(path.read_bytes())
        classes = ["red", "green;blue", "blue"]
        (self.folder / "labels.csv").write_text("image,labels\n" + "".join(f"{path.name},{name}\n" for path, name in zip(IMAGES, classes)))
        program("generate", MODEL, "--images", pictures, "--labels", self.folder / "labels.csv", "--recipe", self.folder / "recipe.json", "-o",
                self.folder / "out")
        labels = self.model.label(IMAGES, [name.split(";") for name in classes], self.recipe)
        for path, got in zip(IMAGES, labels):
            np.testing.assert_array_equal(got, read_mask(self.folder / "out" / "masks" / f"{path.stem}.png"))
        self.assertEqual(set(np.unique(np.concatenate([got.ravel() for got in labels]))), {0, 1, 2, 3})
        program("generate", MODEL, "--images", pictures, "--labels", self.folder / "labels.csv", "--recipe", self.folder / "recipe.json", "-o",
                self.folder / "views", "--scales", "0.5,1", "--flip")
        averaged = self.model.label(IMAGES, [name.split(";") for name in classes], self.recipe, scales=[0.5, 1], flip=True)
        for path, got in zip(IMAGES, averaged):
            np.testing.assert_array_equal(got, read_mask(self.folder / "views" / "masks" / f"{path.stem}.png"))
        self.assertTrue(any((got != before).any() for got, before in zip(averaged, labels)))

    def test_arrays(self):
        labels = self.model.label(self.arrays, [0, 1, [0, 2], []], self.recipe, batch=3)
        self.assertEqual([one.shape for one in labels], [(32, 48)] * 4)
        for one, allowed in zip(labels[:3], ({0, 1}, {0, 2}, {0, 1, 3})):
            self.assertLessEqual(set(np.unique(one)), allowed)
            self.assertGreater(one.max(), 0)
        alone = [self.model.label(self.arrays[i], [which], self.recipe, batch=1)[0] for i, which in enumerate((0, 1, [0, 2], []))]
        np.testing.assert_array_equal(labels, alone)
        top = self.model.explain(self.arrays[3])[0].label
        np.testing.assert_array_equal(labels[3], self.model.label(self.arrays[3], [top], self.recipe)[0])

    def test_one_that_fails(self):
        (self.folder / "broken.jpg").write_bytes(b"no picture")
        with self.assertRaisesRegex(ssgcam.Error, "broken.jpg") as caught:
            self.model.label([IMAGES[0], self.folder / "broken.jpg"], None, self.recipe)
        self.assertEqual(caught.exception.status, "partial")
        self.assertIsNone(caught.exception.results[1])
        np.testing.assert_array_equal(caught.exception.results[0], self.model.label(IMAGES[0], None, self.recipe)[0])


def read_mask(path):
    """An 8-bit palette PNG: the raw bytes behind zlib and the filters."""
    import zlib
    content, at, data = path.read_bytes(), 8, b""
    while at < len(content):
        length, kind = int.from_bytes(content[at:at + 4], "big"), content[at + 4:at + 8]
        body = content[at + 8:at + 8 + length]
        if kind == b"IHDR":
            width, height = int.from_bytes(body[:4], "big"), int.from_bytes(body[4:8], "big")
        data += body if kind == b"IDAT" else b""
        at += length + 12
    rows = np.frombuffer(zlib.decompress(data), np.uint8).reshape(height, width + 1)
    out = np.zeros((height, width), np.uint8)
    for y, row in enumerate(rows):
        above = out[y - 1] if y else np.zeros(width, np.uint8)
        if row[0] == 0:
            out[y] = row[1:]
        elif row[0] == 2:
            out[y] = row[1:] + above
        else:
            for x in range(width):
                left, up, corner = (int(out[y, x - 1]) if x else 0), int(above[x]), (int(above[x - 1]) if x else 0)
                guess = left + up - corner
                paeth = min((abs(guess - left), 0, left), (abs(guess - up), 1, up), (abs(guess - corner), 2, corner))[2]
                out[y, x] = (int(row[x + 1]) + {1: left, 3: (left + up) // 2, 4: paeth}[int(row[0])]) & 255
    return out


class Recipes(WithModel):
    def test_round_trip(self):
        with ssgcam.Recipe.of(self.model, "layercam", "all", weights=[1, 3], threshold=77) as made:
            made.save(self.folder / "recipe.json")
            again = ssgcam.Recipe(self.folder / "recipe.json")
            self.assertEqual(str(again), str(made))
            self.assertEqual(str(ssgcam.Recipe.parse(str(made))), str(made))
            self.assertEqual(again.threshold, 77)
            self.assertEqual([(row.name, row.weight, row.method) for row in again.layers], [("relu1", 32, "layercam"), ("relu2", 95, "layercam")])

    def test_faults(self):
        with self.assertRaisesRegex(ssgcam.Error, "nothing.json") as caught:
            ssgcam.Recipe(self.folder / "nothing.json")
        self.assertEqual(caught.exception.status, "not found")
        for make, text in ((lambda: ssgcam.Recipe.parse("{"), "recipe"), (lambda: ssgcam.Recipe.of(self.model, "gradcamm"), "gradcam"),
                           (lambda: ssgcam.Recipe.of(self.model, sigma=99), "sigma"), (lambda: ssgcam.Recipe.of(self.model, layers="relu3"), "relu"),
                           (lambda: ssgcam.Recipe.of(self.model, layers=["relu1"], weights=[1, 2]), "2 weights for 1"),
                           (lambda: ssgcam.Recipe.of(self.model, combine="sum"), "sum")):
            with self.assertRaisesRegex(ssgcam.Error, text):
                make()
        with self.assertRaisesRegex(TypeError, "sigmas"):
            ssgcam.Recipe.of(self.model, sigmas=1)


class Errors(WithModel):
    def test_models_and_devices(self):
        for make, status in ((lambda: ssgcam.Model("no-such.onnx"), "not found"), (lambda: ssgcam.Model(FIXTURES / "tiny.json"), "input"),
                             (lambda: ssgcam.Device("gpu"), "argument"), (lambda: ssgcam.Device("cpu", 100000), "argument"),
                             (lambda: ssgcam.Model(MODEL, preprocess={"size": "64"}), "input")):
            with self.assertRaises(ssgcam.Error) as caught:
                make()
            self.assertEqual(caught.exception.status, status, caught.exception)
            self.assertGreater(len(str(caught.exception)), 10)

    def test_what_cannot_be_explained(self):
        for images, text in ((self.arrays.astype(np.uint8), "uint8"), (self.arrays[0, 0], "shape"), (self.arrays.transpose(0, 2, 3, 1), "channels"),
                             (self.arrays[:0], "shape"), (np.zeros((1, 3, 40, 56)), "40 x 56 pixels do not fit"), ([], "no images"), ("no-such.jpg", "no-such.jpg")):
            with self.assertRaisesRegex(ssgcam.Error, text):
                self.model.explain(images, 0)
        for classes, text in (("violet", "violet"), (3, "0 to 2"), ([], "no class")):
            with self.assertRaisesRegex(ssgcam.Error, text):
                self.model.explain(self.arrays, classes)
        with self.assertRaisesRegex(ssgcam.Error, "preset"):
            self.model.explain(self.arrays, preset="other")
        with self.assertRaisesRegex(ssgcam.Error, "tiny.onnx has no layer x;"):
            self.model.explain(self.arrays, layers=["x", "relu1", "x"])
        for name, value in (("seed", -1), ("seed", 2 ** 64), ("probes", 2 ** 32 + 1)):
            with self.assertRaisesRegex(ssgcam.Error, f"{name} {value}; it must be 0 to 2147483647"):
                self.model.explain(self.arrays, **{name: value})
        for name, value in (("seed", -1), ("max_evaluations", -10), ("population", 2 ** 64 + 8)):
            with self.assertRaisesRegex(ssgcam.Error, f"{name} {value}; it must be 0 to "):
                ssgcam.Evolve([0], [1], **{"max_evaluations": 10, name: value})
        np.save(self.folder / "whole.npy", np.zeros((3, 32, 48), np.int64))
        with self.assertRaisesRegex(ssgcam.Error, "whole.npy: an array of whole numbers"):
            self.model.explain(self.folder / "whole.npy")
        with ssgcam.Recipe.of(self.model) as recipe:
            with self.assertRaises(TypeError):
                self.model.explain(self.arrays, recipe=recipe, sigma=1)
            for images, classes, text in ((self.arrays[:, :, :16], None, "shape"), (self.arrays, [0], "1 entries"), (self.arrays, [9] * 4, "0 to 2")):
                with self.assertRaisesRegex(ssgcam.Error, text):
                    self.model.label(images, classes, recipe)
            with self.assertRaisesRegex(ssgcam.Error, "fed as they are"):
                self.model.label(self.arrays, None, recipe, flip=True)
            with self.assertRaisesRegex(ssgcam.Error, "scale 0:"):
                self.model.label(IMAGES, None, recipe, scales=[0])

    def test_the_rest_of_the_files_is_done(self):
        with self.assertRaisesRegex(ssgcam.Error, "no-such.jpg") as caught:
            self.model.explain([IMAGES[0], "no-such.jpg", IMAGES[1]], 0)
        self.assertEqual(caught.exception.status, "partial")
        self.assertEqual([one.input for one in caught.exception.results], [str(IMAGES[0]), str(IMAGES[1])])
        self.assertEqual(len(caught.exception.failures), 1)


class Lifetimes(WithModel):
    def test_closed(self):
        with ssgcam.Model(MODEL, device="cpu") as model:
            pass
        model.close()
        with self.assertRaisesRegex(ssgcam.Error, "Model is closed"):
            model.explain(self.arrays)
        self.assertEqual(model.classes, self.model.classes)
        recipe = ssgcam.Recipe.of(self.model)
        recipe.close()
        with self.assertRaisesRegex(ssgcam.Error, "Recipe is closed"):
            self.model.label(self.arrays, None, recipe)

    def test_a_device_that_models_share(self):
        with ssgcam.Device("cpu", 1) as device:
            one, other = ssgcam.Model(MODEL, device), ssgcam.Model(MODEL, device)
            one.close()
            other.explain(self.arrays[0])
        with self.assertRaisesRegex(ssgcam.Error, "Device is closed"):
            other.explain(self.arrays[0])

    def test_forgotten(self):
        model = ssgcam.Model(MODEL, device="cpu", threads=1)
        seen, finalizer = weakref.ref(model), model._finalizer
        model.explain(self.arrays[0])
        del model
        gc.collect()
        self.assertIsNone(seen())
        self.assertFalse(finalizer.alive)


class Threads(WithModel):
    def test_one_model_and_several(self):
        wanted = np.stack(self.model.explain(self.arrays, 1))
        models = [self.model, self.model, ssgcam.Model(MODEL, device="cpu", threads=1)]
        wrong = []

        def work(model):
            for _ in range(5):
                with self.assertRaisesRegex(ssgcam.Error, f"'{threading.current_thread().name}'"):
                    model.explain(self.arrays, threading.current_thread().name)  # each thread has its own message
                if not np.array_equal(np.stack(model.explain(self.arrays, 1)), wanted):
                    wrong.append(model)

        def guarded(model):
            try:
                work(model)
            except BaseException as error:
                wrong.append(error)

        threads = [threading.Thread(target=guarded, args=(model,), name=f"thread{i}") for i, model in enumerate(models)]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
        self.assertEqual(wrong, [])


class Interrupted(WithModel):
    def test_control_c_ends_explain_early(self):
        many = np.concatenate([self.arrays] * 2000)
        timer = threading.Timer(0.2, os.kill, (os.getpid(), signal.SIGINT))
        timer.start()
        start = time.monotonic()
        with self.assertRaises(KeyboardInterrupt):
            self.model.explain(many, 1, method="scorecam")
        early = time.monotonic() - start
        timer.join()
        self.assertEqual(len(self.model.explain(self.arrays, 1)), 4)
        self.assertLess(early, 10)


class Evolution(unittest.TestCase):
    def make(self, **settings):
        return ssgcam.Evolve([-5, -5, 0], [5, 5, 9], 3000, minimise=True, seed=3, integer=[False, False, True], **settings)

    @staticmethod
    def objective(genes):
        return (genes[:, 0] - 1) ** 2 + (genes[:, 1] + 2) ** 2 + abs(genes[:, 2] - 4)

    def test_finds_it_and_goes_on_where_it_was(self):
        with self.make() as search, self.make() as other:
            for _ in range(5):
                search.tell(self.objective(search.ask()))
            other.load(search.save())
            genes, fitness = search.run(self.objective)
            again, _ = other.run(self.objective)
        np.testing.assert_allclose(genes, [1, -2, 4], atol=1e-3)
        self.assertLess(fitness, 1e-6)
        np.testing.assert_array_equal(genes, again)

    def test_faults(self):
        with self.assertRaisesRegex(ssgcam.Error, "each gene"):
            ssgcam.Evolve([0], [1, 2], 10)
        with self.assertRaisesRegex(ssgcam.Error, "lshade"):
            self.make(adaptation="shade")
        with self.assertRaisesRegex(TypeError, "size"):
            self.make(size=3)
        with self.make() as search:
            search.ask()
            with self.assertRaises(ssgcam.Error):
                search.tell([1.0])


class Finding(unittest.TestCase):
    def said(self, **environment):
        return subprocess.run([sys.executable, "-c", "import ssgcam; print(ssgcam.library_path)"], capture_output=True, text=True,
                              env={**os.environ, "PYTHONPATH": str(ROOT / "python"), **environment})

    def test_named(self):
        self.assertEqual(self.said(SSGCAM_LIBRARY=ssgcam.library_path).stdout.strip(), ssgcam.library_path)

    def test_where_it_looked(self):
        said = self.said(SSGCAM_LIBRARY="/nowhere/libssgcam.so")
        self.assertNotEqual(said.returncode, 0)
        self.assertIn("/nowhere/libssgcam.so", said.stderr)
        self.assertIn("SSGCAM_LIBRARY", said.stderr)

    def test_version(self):
        self.assertEqual(ssgcam.library_version.split(".")[:2], ssgcam.__version__.split(".")[:2])
        self.assertIn(f'version = "{ssgcam.__version__}"', (ROOT / "python" / "pyproject.toml").read_text())
        with self.assertRaisesRegex(ImportError, "99.0.0"):
            ssgcam._library._check_version("99.0.0")


if __name__ == "__main__":
    unittest.main()
