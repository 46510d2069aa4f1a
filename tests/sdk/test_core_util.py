"""`azureml.core.util`"""

from __future__ import annotations

import logging

from azureml.core.util import NewLoggingLevel


def test_the_level_comes_back():
    logger = logging.getLogger("azureml.test-of-levels")
    logger.setLevel(logging.INFO)
    with NewLoggingLevel("azureml.test-of-levels", logging.ERROR) as inside:
        assert inside is logger
        assert logger.level == logging.ERROR
    assert logger.level == logging.INFO
