# RTMW-t, which is RTMW3D-t without its z classifier: its weights are trained by
# rtmw3d-t_photos-256x192.py.
_base_ = ['../synthetic/rtmw-t_synthetic-256x192.py']
