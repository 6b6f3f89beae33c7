"""Script of the search command ``| awsresponsequeue``, started by splunkd. See ``alert_actions.queue_command``."""

import import_paths  # noqa: F401, I001
import quiet  # noqa: F401
from alert_actions.queue_command import AwsResponseQueueCommand

if __name__ == "__main__":
    AwsResponseQueueCommand().start()
