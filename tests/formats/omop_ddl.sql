-- Tables of the OMOP Common Data Model 5.4 that notes are written to, and those that they refer to, after the DDL that
-- OHDSI publishes for PostgreSQL (https://github.com/OHDSI/CommonDataModel, Apache License 2.0): columns, types, keys.
-- Columns that nothing here refers to are left out of person, visit_occurrence, visit_detail, provider and concept.
CREATE TABLE concept (
    concept_id integer NOT NULL PRIMARY KEY,
    concept_name varchar(255) NOT NULL
);
CREATE TABLE provider (
    provider_id integer NOT NULL PRIMARY KEY
);
CREATE TABLE person (
    person_id integer NOT NULL PRIMARY KEY
);
CREATE TABLE visit_occurrence (
    visit_occurrence_id integer NOT NULL PRIMARY KEY,
    person_id integer NOT NULL REFERENCES person (person_id)
);
CREATE TABLE visit_detail (
    visit_detail_id integer NOT NULL PRIMARY KEY,
    person_id integer NOT NULL REFERENCES person (person_id)
);
CREATE TABLE note_nlp (
    note_nlp_id integer NOT NULL PRIMARY KEY,
    note_id integer NOT NULL,
    section_concept_id integer NULL REFERENCES concept (concept_id),
    snippet varchar(250) NULL,
    "offset" varchar(50) NULL,
    lexical_variant varchar(250) NOT NULL,
    note_nlp_concept_id integer NULL REFERENCES concept (concept_id),
    note_nlp_source_concept_id integer NULL REFERENCES concept (concept_id),
    nlp_system varchar(250) NULL,
    nlp_date date NOT NULL,
    nlp_datetime timestamp NULL,
    term_exists varchar(1) NULL,
    term_temporal varchar(50) NULL,
    term_modifiers varchar(2000) NULL
);
CREATE TABLE condition_occurrence (
    condition_occurrence_id integer NOT NULL PRIMARY KEY,
    person_id integer NOT NULL REFERENCES person (person_id),
    condition_concept_id integer NOT NULL REFERENCES concept (concept_id),
    condition_start_date date NOT NULL,
    condition_start_datetime timestamp NULL,
    condition_end_date date NULL,
    condition_end_datetime timestamp NULL,
    condition_type_concept_id integer NOT NULL REFERENCES concept (concept_id),
    condition_status_concept_id integer NULL REFERENCES concept (concept_id),
    stop_reason varchar(20) NULL,
    provider_id integer NULL REFERENCES provider (provider_id),
    visit_occurrence_id integer NULL REFERENCES visit_occurrence (visit_occurrence_id),
    visit_detail_id integer NULL REFERENCES visit_detail (visit_detail_id),
    condition_source_value varchar(50) NULL,
    condition_source_concept_id integer NULL REFERENCES concept (concept_id),
    condition_status_source_value varchar(50) NULL
);
CREATE TABLE drug_exposure (
    drug_exposure_id integer NOT NULL PRIMARY KEY,
    person_id integer NOT NULL REFERENCES person (person_id),
    drug_concept_id integer NOT NULL REFERENCES concept (concept_id),
    drug_exposure_start_date date NOT NULL,
    drug_exposure_start_datetime timestamp NULL,
    drug_exposure_end_date date NOT NULL,
    drug_exposure_end_datetime timestamp NULL,
    verbatim_end_date date NULL,
    drug_type_concept_id integer NOT NULL REFERENCES concept (concept_id),
    stop_reason varchar(20) NULL,
    refills integer NULL,
    quantity numeric NULL,
    days_supply integer NULL,
    sig text NULL,
    route_concept_id integer NULL REFERENCES concept (concept_id),
    lot_number varchar(50) NULL,
    provider_id integer NULL REFERENCES provider (provider_id),
    visit_occurrence_id integer NULL REFERENCES visit_occurrence (visit_occurrence_id),
    visit_detail_id integer NULL REFERENCES visit_detail (visit_detail_id),
    drug_source_value varchar(50) NULL,
    drug_source_concept_id integer NULL REFERENCES concept (concept_id),
    route_source_value varchar(50) NULL,
    dose_unit_source_value varchar(50) NULL
);
