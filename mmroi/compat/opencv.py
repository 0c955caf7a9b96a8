"""The libraries that OpenCV needs."""


def check() -> None:
    """Import OpenCV.

    Raises:
        ImportError: A library of the system is missing, as in many containers; names the remedy.
    """
    try:
        import cv2  # noqa: F401
    except ImportError as error:
        raise ImportError(
            f'OpenCV cannot be imported ({error}). If a library such as libGL.so.1 is missing, install it '
            '(Debian, Ubuntu: apt-get install libgl1 libglib2.0-0), or take the OpenCV that needs none: '
            "pip uninstall -y opencv-python && pip install --force-reinstall 'opencv-python-headless<5'"
        ) from error
