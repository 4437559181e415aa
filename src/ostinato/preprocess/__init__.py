"""From accepted raw tables to typed, de-duplicated, imputed ones."""
