from .audio.extractor import AudioFeatureExtractor as AudioFeatureExtractor
from .engines.prediction import PredictionEngine as PredictionEngine
