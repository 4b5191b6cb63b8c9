from . import experiments, monitoring, registry, training

__all__ = ["experiments", "monitoring", "registry", "training"]
