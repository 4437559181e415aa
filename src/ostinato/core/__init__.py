"""The ground floor: errors, settings, parameters, files, hashes, locks and progress. Imports nothing above itself."""
