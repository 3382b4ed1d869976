"""Generated from protos/proto. Do not edit."""
