"""What tests share; fixtures stand in conftest.py."""
