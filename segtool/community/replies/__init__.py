"""Who answers whom: what messages name, and the answers an export does not record."""
