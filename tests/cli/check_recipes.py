"""Recipes that the program wrote against docs/recipe.schema.json: check_recipes.py SCHEMA RECIPE... -- COMMAND... Prints what is wrong; exit code 1 if anything
is, 77 without the Python module jsonschema.

A recipe must be valid, every field in it must be described (also where the schema lets others pass), and recipes changed for the worse must be refused, by the
schema and, with exit code 3, by the program: COMMAND, given the path of the first recipe changed as its last argument."""
import copy
import json
import os
import subprocess
import sys
import tempfile

try:
    import jsonschema
except ImportError:
    sys.exit(77)


def closed(schema):
    """The schema with every described object closed to further fields."""
    if isinstance(schema, list):
        return [closed(item) for item in schema]
    if not isinstance(schema, dict):
        return schema
    out = {key: closed(value) for key, value in schema.items()}
    if out.get("type") == "object" and "properties" in out:
        out["additionalProperties"] = False
    return out


def spoiled(recipe):
    def change(what, where, key, value):
        bad = copy.deepcopy(recipe)
        target = bad
        for step in where:
            target = target[step]
        if value is None:
            del target[key]
        else:
            target[key] = value
        return what, bad

    return [
        change("an unknown field", [], "sharpness", 1),
        change("an unknown field of a layer", ["layers", 0], "sharpness", 1),
        change("another version", [], "ssgcam_recipe", 2),
        change("no threshold", [], "threshold", None),
        change("a threshold of 256", [], "threshold", 256),
        change("no layers", [], "layers", []),
        change("a layer without name", ["layers", 0], "name", None),
        change("a weight of 0", ["layers", 0], "weight", 0),
        change("a weight of 128", ["layers", 0], "weight", 128),
        change("a fractional weight", ["layers", 0], "weight", 1.5),
        change("a method that there is not", ["layers", 0], "method", "gradcan"),
        change("a negative sigma", ["layers", 0], "sigma", -1),
        change("a power of 0", ["layers", 0], "power", 0),
        change("a grid of one number", [], "grid", [224]),
        change("a digest that is none", [], "model_digest", "x"),
    ]


def refused_by(command, recipe):
    with tempfile.TemporaryDirectory() as folder:
        path = os.path.join(folder, "recipe.json")
        with open(path, "w") as file:
            json.dump(recipe, file)
        return subprocess.run([*command, path], stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL).returncode == 3


def main():
    end = sys.argv.index("--")
    schema, paths, command = json.load(open(sys.argv[1])), sys.argv[2:end], sys.argv[end + 1:]
    kind = jsonschema.validators.validator_for(schema)
    kind.check_schema(schema)
    wrong = [f"{paths[0]}: the program refuses it"] if refused_by(command, json.load(open(paths[0]))) else []
    for path in paths:
        recipe = json.load(open(path))
        for name, validator in (("", kind(schema)), ("not described: ", kind(closed(schema)))):
            wrong += [f"{path}: {name}{'/'.join(map(str, error.path))}: {error.message}" for error in validator.iter_errors(recipe)]
        for what, bad in spoiled(recipe):
            if kind(schema).is_valid(bad):
                wrong.append(f"{path}: the schema accepts {what}")
            if path == paths[0] and not refused_by(command, bad):
                wrong.append(f"{path}: the program accepts {what}")
    print("\n".join(wrong), end="\n" if wrong else "")
    return 1 if wrong else 0


sys.exit(main())
