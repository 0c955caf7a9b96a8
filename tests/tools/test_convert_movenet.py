"""The converter as a user runs it."""

TOOL = 'model_converters/convert_movenet.py'


def test_errors_are_one_sentence(tmp_path, run_tool, hub):
    (tmp_path / 'x.tgz').write_bytes(b'no archive')
    hub.mkdir(parents=True)
    (hub / 'human-models-3.0.4.tgz').write_bytes(b'half of it')
    out = tmp_path / 'new.safetensors'
    for source, message in (
        (('--source', tmp_path / 'x.tgz'), 'x.tgz is not a .tgz, or it is damaged'),
        (('--download',), 'human-models-3.0.4.tgz; delete it and download it again.'),
    ):
        done = run_tool(TOOL, 'thunder', out, *source, check=False)
        assert done.returncode == 1 and message in done.stderr
        assert done.stderr.startswith('error: ') and done.stderr.count('\n') == 1, done.stderr
    assert not out.exists()
