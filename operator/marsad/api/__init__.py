"""The API of Marsad: names, condition types and reasons, frozen models of the kinds, and their CRDs.

Nothing here knows a client, a clock or kopf. `names` and `conditions` are vocabulary, `healthcluster` and `facility`
are the kinds, `crd` turns the models into the files of crds/.
"""
