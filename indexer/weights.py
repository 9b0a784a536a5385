"""What counts how much in the ranking: every parameter of it, and what it rests on.

The score of a section is the sum, over the words of the query, of

    BM25 in all its text + the better one of its title and its headings (NAMES)
    + its names of code (IDENTIFIERS) + DOCUMENT x BM25 in all text of its document,

and over the whole names in the query (NAME); then, of the best sections, + COVER x the
share of the words that are there + CLOSE x how close words that follow each other in the
query stand, all that x AGAIN for each better section of the document.

One set of values serves all kinds of collections. nDCG@10 on Cranfield, SciFact, Kubernetes
problems, links to C++ pages and descriptions of them (225, 300, 382, 300, 300 questions;
differences below .005 are noise), with one value at a time as it is not:

    as it is              .407  .695  .349  .834  .893
    DOCUMENT   0          .402  .681  .317  .811  .879
              .5          .406  .689  .342  .827  .887
             1.5          .404  .697  .348  .830  .889
    CLOSE      0          .402  .684  .340  .828  .898
              .4          .405  .690  .348  .834  .894
              .6          .407  .694  .350  .830  .891
    COVER      0          .407  .693  .348  .834  .893
               2          .407  .694  .350  .834  .893
    headings  .5          .407  .698  .353  .806  .888
             .75          .408  .698  .355  .818  .888
            1.25          .406  .687  .341  .831  .896
    title      1          .407  .694  .344  .831  .893
    all added up          .401  .676  .346  .835  .896
    identifiers 0         .407  .695  .349  .835  .893
              .25         .407  .695  .346  .828  .891
    NAME       0          .406  .694  .348  .832  .890
              12          .409  .698  .348  .832  .893

Names of code as queries, on Kubernetes and C++ pages: the first hit has the name for 35 and
15 % of `--flags` with NAME 0, 93 and 95 % with 2, 97 and 100 % with 6.

Beyond these collections: a whole document beside its best section, and titles and headings
beside all the text, helped on 13 (most on documentation, up to .2); so did counting a word
of the query as often as it stands there. The sum over the sections of a document, instead
of the best one, failed on all.
"""

K1, B = 1.2, 0.75
"""Saturation and length normalisation of BM25 (Robertson and Zaragoza, 2009, section 3.4),
which did better than .9 and .4 on 11 of 13 collections."""

OWN_B = {"identifiers": 0.0}
"""Fields with another B. Whether a name is there counts, not how many others are."""

TEXT = "body"
"""The field that holds all text of a section, with its title and headings."""

NAMES = {"title": 0.75, "headings": 1.0}
"""Fields of which a term counts in the better one alone: the first heading is the title in
most documents, and what stands in both says no more than what stands in one."""

IDENTIFIERS = {"identifiers": 0.1}
"""The names of code in a section, whole and in parts. A part by itself tells little, and their
terms need not be in the text."""

NAMED = {TEXT: 0.25, "identifiers": 1.0}
"""What a whole name of the query may stand in: `get_user_name` as a name, or as the word
`getUserName`, which is not as it was typed. Where both are, the first hit of a hyphenated name
has it as it was typed for 92 % on Kubernetes pages and 97 % in the user guide; with 1 in the
text for 89 and 94 %."""

NAME = 6.0
"""What a whole name counts, shared by the words of the query: a query that is a name wants the
place where it stands, while in a sentence `real-time` is two words much like others."""

MENDED = 0.5
"""What a word counts that was taken for another one, which is a guess. With 1, of 300 claims
of SciFact six are answered worse than without mending, with .5 two; headings that are typed
wrong are found as well."""

DOCUMENT = 1.0
"""What the text of a whole document counts, beside that of the section."""

COVER = 0.5
"""What it adds that all words of a query are there."""

CLOSE = 0.5
"""What closeness counts; that of two neighbours is the sum of their rarities (idf)."""

AGAIN = 0.95
"""What each further section of a document counts of its score: others that are as good go
before it. Among the first three hits of 344 questions, seven more documents and three more
sections are right; with .9, nine and one."""

MOST_PER_DOCUMENT = 3
"""Sections of one document that an answer gives."""
