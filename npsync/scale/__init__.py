"""Scale mode: a store on PostgreSQL and `npsync[scale]`. `npsync serve` and any number of `npsync worker` share the
work through procrastinate on the same database; what is true stays in our tables."""
