"""A cohort of made patients whose truth is known: what each image shows, the risk of each patient, and the best AUROC that is possible."""
