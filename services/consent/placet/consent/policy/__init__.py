"""Pure decisions of the consent service: ages, notices, scopes, guardians. Facts in, decision or typed error out."""
