"""Networks: the learned part N_θ of a layer, a file each; and the layer as a module."""
