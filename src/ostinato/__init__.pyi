from .audio.defects.detector import AudioQualityDetector as AudioQualityDetector
from .audio.extractor import AudioFeatureExtractor as AudioFeatureExtractor
from .audio.separation.separator import SourceSeparator as SourceSeparator
from .audio.streaming import StreamingExtractor as StreamingExtractor
from .engines.prediction import PredictionEngine as PredictionEngine
