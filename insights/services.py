"""The door to compute: what an order is, features, groupings, and runs over the whole base."""

from insights.bi.installing import ROLE as BI_ROLE
from insights.bi.installing import install_bi
from insights.bi.views import SCHEMA as BI_SCHEMA
from insights.bulk.computing import features_of_database, features_of_log
from insights.bulk.contracts import ENGINES, BadLog
from insights.bulk.exporting import export_log
from insights.clusters.contracts import BadClustering
from insights.clusters.grouping import Tampered
from insights.clusters.services import delete_clustering, keep_clustering, name_cluster
from insights.engagement.contracts import BadEngagement
from insights.engagement.settings import keep_engagement
from insights.features.services import declare_feature, remove_feature
from insights.funnels.counting import keep_funnel, remove_funnel
from insights.keeping.following import keep_up
from insights.keeping.noting import note_touched
from insights.keeping.services import drop_kept_feature, keep_feature
from insights.kpis.annotating import annotate, remove_annotation
from insights.kpis.baselines import keep_baseline, remove_baseline
from insights.kpis.counting import refresh_kpis
from insights.lifetime.contracts import BadLifetime
from insights.lifetime.settings import keep_lifetime_setting
from insights.predictions.contracts import BadPrediction
from insights.predictions.services import activate_version, delete_prediction, keep_prediction, roll_back
from insights.recommendations.catalogue import import_items, keep_items, remove_items
from insights.recommendations.contracts import BadRecommendation
from insights.recommendations.erasing import erase
from insights.recommendations.settings import keep_recommendation_setting
from insights.runs import plan_runs, request_run, run_waiting
from insights.settings import keep_setting
from insights.tables.writing import erase_tables, expire_tables, note_table_download, request_table, write_tables

__all__ = [
    "BI_ROLE", "BI_SCHEMA", "ENGINES", "BadClustering", "BadEngagement", "BadLifetime", "BadLog", "BadPrediction",
    "BadRecommendation", "Tampered", "activate_version", "annotate", "declare_feature", "delete_clustering",
    "delete_prediction", "drop_kept_feature", "erase", "erase_tables", "expire_tables", "export_log",
    "features_of_database", "features_of_log", "import_items", "install_bi", "keep_baseline", "keep_clustering",
    "keep_engagement", "keep_feature", "keep_funnel", "keep_items", "keep_lifetime_setting", "keep_prediction",
    "keep_recommendation_setting", "keep_setting", "keep_up", "name_cluster", "note_table_download", "note_touched",
    "plan_runs", "refresh_kpis", "remove_annotation", "remove_baseline", "remove_feature", "remove_funnel",
    "remove_items", "request_run", "request_table", "roll_back", "run_waiting", "write_tables",
]  # fmt: skip
