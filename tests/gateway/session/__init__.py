"""Tests of one package of the gateway."""
