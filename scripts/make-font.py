#!/usr/bin/env python3
"""host/data/font.inc from the X11 font misc-fixed 9x15 (public domain; Debian package xfonts-base): make-font.py 9x15-ISO8859-1.pcf.gz >host/data/font.inc"""
import gzip
import sys

from PIL import PcfFontFile

font = PcfFontFile.PcfFontFile(gzip.open(sys.argv[1]))
print("/* Characters 32 to 126 of the X11 font misc-fixed 9x15, public domain: 15 rows each, the lowest bit the leftmost pixel. Made by scripts/make-font.py. */")
print("// clang-format off")
for code in range(32, 127):
    image = font.glyph[code][3]
    rows = [sum(1 << x for x in range(9) if image.getpixel((x, y))) for y in range(15)]
    print("{" + ", ".join(str(r) for r in rows) + "},")
