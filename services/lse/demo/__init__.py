"""A simulated sky survey for a machine that has no images yet: `lse.demo.survey.simulate_survey`.

Nothing here is an observation, and every file says so (``SIMULATE`` and ``ORIGIN`` in each header, ``simulated`` in
the catalogue and in ``survey.json``).
"""
