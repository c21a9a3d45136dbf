"""Who waits in a web process leaves a thread to everybody else."""

import pytest

from api.web.thread_shares import ThreadShares
from tests.support.app import App


@pytest.mark.parametrize("threads", [*range(4, 33), 256])
def test_one_thread_is_left(threads: int) -> None:
    shares = ThreadShares.of(threads)
    assert min(shares) >= 1
    assert sum(shares) <= threads - 1


@pytest.mark.parametrize("threads", [1, 2, 3])
def test_fewer_than_four_threads_serve_each_of_them_one_at_a_time(threads: int) -> None:
    assert ThreadShares.of(threads) == (1, 1, 1)


def test_queues_have_the_places_of_the_settings(app: App) -> None:
    queues = app.flask.extensions["password_queues"]
    assert (queues.strangers.places, queues.known_phones.places) == ThreadShares.of(8)[1:]
