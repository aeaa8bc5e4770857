"""Safe data: the catalogue, de-identification, dataset versions, project copies, and the engines that read them."""
