"""Carriers of frames between nodes. They guarantee little; `Session` provides the rest."""
