"""The clinical model: logistic regression of clinical columns, alone or together with the network's score."""
