from django.db import migrations, models


class Migration(migrations.Migration):
    dependencies = [
        ("quality", "0009_alerts_of_online_learning"),
    ]

    operations = [
        migrations.AlterField(
            model_name="qualityalert",
            name="kind",
            field=models.CharField(
                choices=[
                    ("volume_drop", "Fewer events than usual"),
                    ("volume_rise", "More events than usual"),
                    ("not_fresh", "No event for too long"),
                    ("more_violations", "More violations than usual"),
                    ("less_filled", "Properties that are less often filled"),
                    ("source_silent", "Source is silent"),
                    ("past_limit", "No event within the limit"),
                    ("model_drift", "People are not like those a model was learned of"),
                    ("model_calibration", "Scores of a prediction were off"),
                    ("model_online", "A model that learns online fell back or drifted"),
                    ("recommendations", "Recommendations are worse than they were"),
                    ("unreadable", "Documents that cannot be read any more"),
                ],
                max_length=20,
            ),
        ),
    ]
