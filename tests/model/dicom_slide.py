"""Files of DICOM slides, made by pydicom: for tests of what reads them."""

from pathlib import Path

import imagecodecs
import numpy as np
import pydicom
from pydicom.dataset import Dataset, FileMetaDataset
from pydicom.encaps import encapsulate
from pydicom.uid import UID, JPEGBaseline8Bit, VLWholeSlideMicroscopyImageStorage


def wsi(path: Path, level: int, colour: tuple[int, int, int], *, kind: str = "VOLUME") -> Path:
    """One file of a DICOM slide of 256 × 256 pixels of half a micron, four times smaller a level."""
    side, tile = 256 // 4**level, 64
    count, spacing = max(side // tile, 1) ** 2, 0.0005 * 4**level
    data = Dataset()
    data.file_meta = FileMetaDataset()
    data.file_meta.TransferSyntaxUID = JPEGBaseline8Bit
    data.SOPClassUID = data.file_meta.MediaStorageSOPClassUID = VLWholeSlideMicroscopyImageStorage
    data.SOPInstanceUID = data.file_meta.MediaStorageSOPInstanceUID = UID(f"1.2.3.{level}")
    data.SeriesInstanceUID = "1.2.4"
    data.ImageType = ["ORIGINAL", "PRIMARY", kind, "RESAMPLED" if level and kind == "VOLUME" else "NONE"]
    data.DimensionOrganizationType = "TILED_FULL"
    data.TotalPixelMatrixColumns = data.TotalPixelMatrixRows = side
    data.Rows = data.Columns = tile
    data.NumberOfFrames, data.SamplesPerPixel, data.PhotometricInterpretation = count, 3, "YBR_FULL_422"
    data.BitsAllocated = data.BitsStored = 8
    data.PlanarConfiguration, data.HighBit, data.PixelRepresentation = 0, 7, 0
    measures, shared = Dataset(), Dataset()
    measures.PixelSpacing = [spacing, spacing]
    shared.PixelMeasuresSequence = [measures]
    data.SharedFunctionalGroupsSequence = [shared]
    stained = np.full((tile, tile, 3), colour, np.uint8)
    data.PixelData = encapsulate([bytes(imagecodecs.jpeg8_encode(stained))] * count)
    data["PixelData"].is_undefined_length = True
    pydicom.dcmwrite(path, data, enforce_file_format=True)
    return path
