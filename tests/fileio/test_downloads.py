import hashlib
import http.server
import os
import threading
from pathlib import Path

import pytest
import torch
import torch.multiprocessing as mp

from mmroi.fileio import downloads, write_checkpoint
from mmroi.fileio.downloads import cache_path, locate
from mmroi.models import StrictPretrainedInit
from mmroi.utils import installation

pytestmark = pytest.mark.usefixtures('mmroi_scope', 'hub')

UNREACHABLE = 'http://127.0.0.1:9/weights/x.pth'


@pytest.fixture
def server(tmp_path):
    """Serve a folder over HTTP on this machine; gives the folder, its URL and the list of requests."""
    folder, requests = tmp_path / 'served', []
    folder.mkdir()

    class Handler(http.server.SimpleHTTPRequestHandler):
        def __init__(self, *args):
            super().__init__(*args, directory=str(folder))

        def log_message(self, *args):
            requests.append(self.path)

    with http.server.ThreadingHTTPServer(('127.0.0.1', 0), Handler) as served:
        thread = threading.Thread(target=served.serve_forever)
        thread.start()
        yield folder, f'http://127.0.0.1:{served.server_port}', requests
        served.shutdown()
        thread.join()


def test_a_file_is_downloaded_once(server, hub):
    folder, url, requests = server
    (folder / 'x-0123.pth').write_bytes(b'weights')
    for _ in range(2):
        path = locate(f'{url}/x-0123.pth')
        assert path == hub / 'x-0123.pth' and path.read_bytes() == b'weights'
    assert requests == ['/x-0123.pth'] and os.listdir(hub) == ['x-0123.pth']


def test_the_hash_is_checked_each_time(server, hub, tmp_path):
    folder, url, requests = server
    (folder / 'x.pth').write_bytes(b'weights')
    digest = hashlib.sha256(b'weights').hexdigest()
    assert locate(f'{url}/x.pth', digest) == hub / 'x.pth'
    (hub / 'x.pth').write_bytes(b'weighty')
    assert locate(f'{url}/x.pth').read_bytes() == b'weighty'  # none was asked for
    assert locate(f'{url}/x.pth', digest).read_bytes() == b'weights'  # removed, and downloaded again
    assert len(requests) == 2
    (tmp_path / 'own.pth').write_bytes(b'weighty')  # a file that is no download is kept
    with pytest.raises(ValueError, match=f'own.pth: its SHA-256 is .*, not {digest}: .*; get it again'):
        locate(tmp_path / 'own.pth', digest)
    assert (tmp_path / 'own.pth').exists()


def test_a_cut_file_in_the_cache_is_removed(server, hub):
    folder, url, _ = server
    digits = hashlib.sha256(b'weights').hexdigest()[:8]
    for name in (f'td-hm_res50-{digits}_20220923.pth', f'resnet50-{digits}.pth'):
        hub.mkdir(parents=True, exist_ok=True)
        (hub / name).write_bytes(b'weig')
        with pytest.raises(
            FileNotFoundError, match=f'cannot be downloaded .*404.* is removed.*put it at {hub / name}'
        ):
            locate(f'{url}/{name}')
        assert not (hub / name).exists()
        (folder / name).write_bytes(b'weights')
        assert locate(f'{url}/{name}').read_bytes() == b'weights'


def test_a_failed_download_says_which_file_to_put_where(hub, resnet):
    network = resnet(init_cfg=dict(type='Pretrained', checkpoint=UNREACHABLE, prefix='backbone.'))
    with pytest.raises(FileNotFoundError) as error:
        network.init_weights()
    message = str(error.value)
    assert UNREACHABLE in message and str(hub / 'x.pth') in message and '\n' not in message
    assert not list(hub.iterdir())  # no half a file
    torch.save({f'backbone.{name}': value for name, value in resnet().state_dict().items()}, hub / 'x.pth')
    StrictPretrainedInit(UNREACHABLE, prefix='backbone.')(network)  # put there, it is found


def test_the_digits_at_the_end_of_the_name_are_checked(server, hub):
    folder, url, _ = server
    digits = hashlib.sha256(b'weights').hexdigest()[:8]
    for name in (f'resnet-{digits}.pth', 'resnet_20220719_112220-20220719.pth'):  # a date is no hash
        (folder / name).write_bytes(b'weights')
        assert locate(f'{url}/{name}').read_bytes() == b'weights'
    (folder / f'other-{digits}.pth').write_bytes(b'weight5')
    found = hashlib.sha256(b'weight5').hexdigest()[:8]
    with pytest.raises(FileNotFoundError, match=f'the SHA-256 begins with {found}, not with {digits}'):
        locate(f'{url}/other-{digits}.pth')
    assert sorted(os.listdir(hub)) == sorted([f'resnet-{digits}.pth', 'resnet_20220719_112220-20220719.pth'])


def test_the_digits_may_be_those_of_the_weights(server, hub):
    folder, url, _ = server
    path = write_checkpoint(folder / 'x.pth', dict(w=torch.ones(2)), {}, with_hash=True)
    for _ in range(2):
        assert locate(f'{url}/{path.name}').read_bytes() == path.read_bytes()
    write_checkpoint(path, dict(w=torch.zeros(2)), {})
    (hub / path.name).unlink()
    with pytest.raises(FileNotFoundError, match='the SHA-256 begins with'):
        locate(f'{url}/{path.name}')


def test_half_a_file_does_not_stay(hub):
    class Handler(http.server.BaseHTTPRequestHandler):
        def do_GET(self):
            self.send_response(200)
            self.send_header('Content-Length', '1000')
            self.end_headers()
            self.wfile.write(b'x' * 400)

        def log_message(self, *args): ...

    with http.server.HTTPServer(('127.0.0.1', 0), Handler) as served:
        thread = threading.Thread(target=served.handle_request)
        thread.start()
        with pytest.raises(FileNotFoundError, match='the connection ended after 400 of 1000 bytes'):
            locate(f'http://127.0.0.1:{served.server_port}/x.pth')
        thread.join()
    assert not list(hub.iterdir())


def test_a_page_that_is_not_there(server, hub):
    with pytest.raises(FileNotFoundError, match='404'):
        locate(f'{server[1]}/x.pth')


def test_a_cache_that_cannot_be_written(server, hub):
    hub.parent.parent.write_text('a file where the folder should be')
    with pytest.raises(FileNotFoundError, match='cannot be downloaded'):
        locate(f'{server[1]}/x.pth')


def test_names_of_mmengine(hub, monkeypatch):
    monkeypatch.setattr(downloads, 'fetch', lambda url, sha256: cache_path(url))
    for name, file in (
        ('torchvision://resnet50', 'resnet50-0676ba61.pth'),
        ('open-mmlab://msra/hrnetv2_w48', 'hrnetv2_w48-d2186c55.pth'),
    ):
        assert locate(name) == hub / file


@pytest.mark.parametrize(
    'name, message',
    [
        ('torchvision://resnet51', 'has no such name'),
        ('s3://bucket/x.pth', 'download the file and give its path'),
        ('ftp://host/x.pth', 'download the file and give its path'),
    ],
)
def test_unknown_names(name, message):
    with pytest.raises(ValueError, match=message):
        locate(name)


def test_absent_file(tmp_path):
    with pytest.raises(FileNotFoundError, match='y.pth do not exist: put the file there'):
        locate(tmp_path / 'y.pth')


def test_shipped_files_are_found_from_any_folder(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr(installation, 'ROOTS', (tmp_path / 'checkout', tmp_path / 'installed'))
    shipped = tmp_path / 'installed' / 'checkpoints' / 'x.pth'
    shipped.parent.mkdir(parents=True)
    shipped.touch()
    assert locate('checkpoints/x.pth') == shipped
    Path('checkpoints').mkdir()
    Path('checkpoints/x.pth').touch()
    assert locate('checkpoints/x.pth') == Path('checkpoints/x.pth')  # the working directory comes first


def test_the_query_of_a_url_is_no_part_of_the_name(hub):
    assert cache_path('https://host/a/x.pth?download=1') == hub / 'x.pth'


def _worker(rank, folder, url, hub_home):
    os.environ.update(TORCH_HOME=hub_home, LOCAL_RANK=str(rank))
    torch.distributed.init_process_group(
        'gloo', init_method=f'file://{folder}/rendezvous', rank=rank, world_size=2
    )
    for name in ('x.pth', 'absent.pth'):
        try:
            found = locate(f'{url}/{name}').read_text()
        except FileNotFoundError as error:
            found = str(error)
        Path(folder, f'{name}.{rank}').write_text(found)
    torch.distributed.destroy_process_group()


def test_one_process_fetches_and_all_wait(server, tmp_path):
    folder, url, requests = server
    (folder / 'x.pth').write_text('weights')
    mp.spawn(_worker, (str(tmp_path), url, str(tmp_path / 'home')), nprocs=2)
    assert [p for p in requests if p == '/x.pth'] == ['/x.pth']
    for rank in (0, 1):
        assert (tmp_path / f'x.pth.{rank}').read_text() == 'weights'
        assert 'cannot be downloaded' in (tmp_path / f'absent.pth.{rank}').read_text()
