CREATE TABLE IF NOT EXISTS orders (
    id uuid PRIMARY KEY,
    customer text NOT NULL,
    cents integer NOT NULL,
    accepted timestamptz NOT NULL DEFAULT now(),
    due timestamptz NOT NULL DEFAULT now(), -- when a worker may take it
    attempts integer NOT NULL DEFAULT 0,
    done boolean NOT NULL DEFAULT false
);
CREATE INDEX IF NOT EXISTS orders_due ON orders (due) WHERE NOT done;
CREATE TABLE IF NOT EXISTS outcomes (
    id uuid PRIMARY KEY REFERENCES orders,
    status text NOT NULL,
    payment text NOT NULL,
    at timestamptz NOT NULL DEFAULT now()
);
