from .audio.defects.detector import AudioQualityDetector as AudioQualityDetector
from .audio.extractor import AudioFeatureExtractor as AudioFeatureExtractor
from .audio.streaming import StreamingExtractor as StreamingExtractor
from .engines.prediction import PredictionEngine as PredictionEngine
