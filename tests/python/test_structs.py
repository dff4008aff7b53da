"""The structs of the binding are those of the headers: the compiler says so."""
import ctypes
import pathlib
import re
import shutil
import subprocess
import tempfile
import unittest

from ssgcam import _structs

ROOT = pathlib.Path(__file__).resolve().parents[2]


def c_name(name):
    return "ssgcam_" + re.sub(r"(?<!^)(?=[A-Z])", "_", name).lower()


@unittest.skipUnless(shutil.which("cc"), "there is no C compiler")
class Structs(unittest.TestCase):
    def test_sizes_and_offsets(self):
        kinds = {name: kind for name, kind in vars(_structs).items()
                 if isinstance(kind, type) and issubclass(kind, ctypes.Structure) and hasattr(kind, "_fields_")}
        self.assertGreater(len(kinds), 10)
        wanted, lines = {}, []
        for name, kind in kinds.items():
            c = c_name(name)
            wanted[c] = ctypes.sizeof(kind)
            lines.append(f'printf("{c} %zu\\n", sizeof({c}));')
            for field, *_ in kind._fields_:
                wanted[f"{c}.{field}"] = getattr(kind, field).offset
                lines.append(f'printf("{c}.{field} %zu\\n", offsetof({c}, {field}));')
        with tempfile.TemporaryDirectory() as folder:
            source = pathlib.Path(folder, "structs.c")
            source.write_text("#include <ssgcam/ssgcam.h>\n#include <stddef.h>\n#include <stdio.h>\nint main(void) {" + "\n".join(lines) + "}\n")
            subprocess.run(["cc", "-std=c11", f"-I{ROOT}/include", str(source), "-o", f"{folder}/structs"], check=True)
            said = subprocess.run([f"{folder}/structs"], check=True, capture_output=True, text=True).stdout
        self.assertEqual({line.split()[0]: int(line.split()[1]) for line in said.splitlines()}, wanted)


if __name__ == "__main__":
    unittest.main()
