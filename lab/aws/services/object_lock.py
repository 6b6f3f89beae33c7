"""Object Lock of what is uploaded in parts: held as the upload's beginning said; moto forgets that.

https://docs.aws.amazon.com/AmazonS3/latest/API/API_CreateMultipartUpload.html, ``x-amz-object-lock-mode``
"""

from __future__ import annotations

from typing import Any

MODE, UNTIL = "x-amz-object-lock-mode", "x-amz-object-lock-retain-until-date"


def install() -> None:
    """Change moto's S3."""
    from flask import request
    from moto.s3.models import S3Backend

    create, complete = S3Backend.create_multipart_upload, S3Backend.complete_multipart_upload

    def begin(self: Any, *args: Any, **kwargs: Any) -> Any:
        upload = create(self, *args, **kwargs)
        upload.lock = request.headers.get(MODE), request.headers.get(UNTIL)
        return upload

    def end(self: Any, bucket_name: str, multipart_id: str, body: Any) -> Any:
        upload = self.get_bucket(bucket_name).multiparts[multipart_id]
        key = complete(self, bucket_name, multipart_id, body)
        if key is not None and upload.lock[0]:
            key.lock_mode, key.lock_until = upload.lock
        return key

    S3Backend.create_multipart_upload = begin
    S3Backend.complete_multipart_upload = end
