"""A telescope simulator: one night of a toy observatory, as FITS files.

The Quipu observatory stands on an invented mountain in the Atacama desert. Its two telescopes feed two instruments:

========== ============ ====== =================================================================================
Telescope  Instrument   Prefix What it does
========== ============ ====== =================================================================================
QUIPU-T1   QHAWAQ       QHAWA  imager: one CCD of 512 x 512 pixels of 0.36", filters g_SDSS and r_SDSS
QUIPU-T2   KUYCHI       KUYCH  long-slit spectrograph: 512 x 192 pixels, 400-750 nm, arcs in air, products in vacuum
ESO-VLT-U2 UVES         UVES   echelle, blue arm at 390 nm, ten orders; pre- and overscan as in the real files
ESO-VLT-U4 HAWKI        HAWKI  near-infrared imager: four detectors in one file, filter Ks, 32-bit integers
ESO-VLT-U4 MUSE         MUSE   integral-field spectrograph: four channels in one tile-compressed file, 480-930 nm
========== ============ ====== =================================================================================

The first two are made up; the other three imitate the headers and the layout of the real instruments with small
detectors. *Qhawaq* is the one who watches and *kuychi* the rainbow, both in Quechua. Every file says in its primary
header that it is simulated: ``SIMULATD = T`` and a COMMENT card.

A night runs from afternoon calibrations over twilight flats, standards and science exposures to morning calibrations.
Targets are chosen by season: the Orion nebula whenever it stands high enough in the dark (early August to early May),
a field at right ascension 0 and one at the south celestial pole in every night. The sky is a toy: a seeded catalogue
of stars around each target, positions FK5 J2000, the frame of the raw headers. The same night and seed give the same
bytes.

Raw frames are named ``<prefix>.<date and time>.fits``; images, spectra and cubes are reduced from them and carry the
keywords of the ESO Science Data Products Standard (ESO-044286, version 8). Start at `simulator.night.simulate_night`.
"""
