"""The test files that need neither TensorFlow nor its Python: python numpy_only.py

Prints their names, a line; `make ports` runs them on a current Python.
"""

from pathlib import Path

FILES = ['test_mnist.py', 'test_image_files.py', 'test_trace.py', 'test_compare.py',
         'test_judge.py', 'test_descriptions.py', 'test_interpreter.py',
         'test_evaluate.py', 'test_spread.py', 'test_replay.py', 'test_own.py',
         'test_hooks.py', 'test_preflight.py', 'test_schema.py', 'test_lies.py',
         'test_notebook.py', 'test_export.py', 'test_curve.py']

if __name__ == '__main__':
    assert all((Path(__file__).parent / name).is_file() for name in FILES)
    print(*FILES)
