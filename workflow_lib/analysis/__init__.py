"""What is made of finished trainings: candidates, the Pareto front, efficiency, comparisons."""
