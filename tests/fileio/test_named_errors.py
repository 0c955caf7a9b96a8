import pytest

from mmroi.fileio.named_errors import name_errors


def test_an_error_without_the_file_gets_it():
    with pytest.raises(
        ValueError, match=r"^a\.npz: 'smpl' cannot be used \(TypeError: no number\)\. Correct it"
    ):
        with name_errors('a.npz', "'smpl'"):
            raise TypeError('no\nnumber')
    with pytest.raises(ValueError, match=r'^a\.npz: cannot be used \(KeyError: betas\)\. Delete it'):
        with name_errors('a.npz', remedy='Delete it'):
            raise KeyError('betas')


@pytest.mark.parametrize(
    'error', [KeyError("a.npz: key 'smpl' is missing"), FileNotFoundError('no SMPL'), ImportError('h5py')]
)
def test_errors_that_say_enough_pass(error):
    with pytest.raises(type(error)) as caught, name_errors('a.npz'):
        raise error
    assert caught.value is error


def test_nothing_happens_without_an_error():
    with name_errors('a.npz'):
        pass
