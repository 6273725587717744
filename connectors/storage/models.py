"""A file and its parts."""

from django.db import models


class StoredFile(models.Model):
    """One file; `size` (bytes) is known when it is whole."""

    name = models.CharField(max_length=255)
    size = models.BigIntegerField(null=True)
    created_at = models.DateTimeField()

    def __str__(self) -> str:
        return self.name


class FilePart(models.Model):
    """A piece of a file; the pieces in order are the file."""

    file = models.ForeignKey(StoredFile, on_delete=models.CASCADE, related_name="parts")
    number = models.IntegerField()
    content = models.BinaryField()

    class Meta:
        constraints = [models.UniqueConstraint(fields=["file", "number"], name="file_part_unique")]

    def __str__(self) -> str:
        return f"part {self.number} of file {self.file_id}"
