"""What every part needs: data directory, certificates, loading of code, limits of the machine."""
