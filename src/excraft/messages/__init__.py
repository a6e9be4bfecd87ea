"""The shared vocabulary: commands, events, reasons and their bytes."""
