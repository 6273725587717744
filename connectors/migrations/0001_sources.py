"""Sources: where data comes from."""

from django.db import migrations, models


class Migration(migrations.Migration):
    initial = True

    operations = (
        migrations.CreateModel(
            name="Source",
            fields=[
                ("id", models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name="ID")),
                ("name", models.CharField(max_length=120)),
                ("slug", models.SlugField(max_length=120, unique=True)),
                (
                    "kind",
                    models.CharField(
                        choices=[
                            ("web", "Website"),
                            ("mobile", "Mobile app"),
                            ("server", "Server"),
                            ("email", "E-mail"),
                            ("stream", "Stream"),
                            ("offline", "Offline file"),
                        ],
                        max_length=16,
                    ),
                ),
                ("write_key", models.CharField(max_length=64, unique=True)),
                ("enabled", models.BooleanField(default=True)),
                ("created_at", models.DateTimeField()),
                ("created_by", models.CharField(blank=True, max_length=254)),
            ],
        ),
    )
