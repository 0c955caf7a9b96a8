import subprocess
import sys

CODE = """
import sys

class Missing:
    def find_spec(self, name, path=None, target=None):
        if name == 'cv2':
            raise ImportError('libGL.so.1: cannot open shared object file: No such file or directory')

sys.meta_path.insert(0, Missing())
import mmroi
"""


def test_a_missing_library_is_named_with_the_remedy():
    done = subprocess.run([sys.executable, '-c', CODE], capture_output=True, text=True)
    assert done.returncode == 1
    last = done.stderr.splitlines()[-1]
    assert 'OpenCV cannot be imported (libGL.so.1: cannot open' in last and 'apt-get install libgl1' in last
    assert 'opencv-python-headless' in last
