"""How each chat group fares: measures, verdict, waves of newcomers, early warning of trouble."""
