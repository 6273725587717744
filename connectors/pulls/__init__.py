"""Pulls: rows of databases and records of CRMs that are asked for, their place moved with the items they become."""
