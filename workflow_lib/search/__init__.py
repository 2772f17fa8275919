"""Search: strategies that choose candidates, supernets and differentiable cell search."""
