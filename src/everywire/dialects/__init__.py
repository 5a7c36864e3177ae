"""Wire languages, one file each, exactly as their official clients speak them."""
