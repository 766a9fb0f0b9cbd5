"""What every client of an external HTTP endpoint needs: connection pools, proxies, and the redaction of what
an endpoint says in an error. Nothing here knows which service the endpoint offers.
"""
