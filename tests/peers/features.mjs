// The feature code that a user of the peers writes by hand: a raw flight becomes the 137 columns, or YDF's raw columns.

const WEATHER = ["temp", "dewp", "humid", "wind_dir", "wind_speed", "wind_gust", "precip", "pressure", "visib"];
const CATEGORIES = ["carrier", "origin", "dest"];
const MINUTE = 60_000;
const DAY = 86_400_000;

/** What training found: the categories of each column, and year and seats of each aircraft. */
export class FlightFeatures {
  #first;
  #planes;
  width;

  constructor(vocabulary, planes) {
    this.width = 16;
    this.#first = CATEGORIES.map((name) => {
      const columns = new Map(vocabulary[name].map((category, place) => [category, this.width + place]));
      this.width += columns.size;
      return columns;
    });
    this.#planes = new Map(planes.map(({ tailnum, year, seats }) => [tailnum, { year: year ?? NaN, seats: seats ?? NaN }]));
  }

  /** The columns of each record, row after row. */
  rows(records) {
    const rows = new Float32Array(records.length * this.width);
    records.forEach((record, row) => {
      const start = row * this.width;
      rows.set(this.numbers(record), start);
      CATEGORIES.forEach((name, index) => {
        const column = this.#first[index].get(record[name]);
        if (column !== undefined) rows[start + column] = 1;
      });
    });
    return rows;
  }

  /** The 16 numbers of a record. */
  numbers(record) {
    const departure = Date.parse(`${record.scheduled_departure}Z`);
    const arrival = Date.parse(`${record.scheduled_arrival}Z`);
    const plane = this.#planes.get(record.tailnum);
    return [
      (departure % DAY) / MINUTE,
      (new Date(departure).getUTCDay() + 6) % 7,
      (arrival % DAY) / MINUTE,
      (arrival - departure) / 1000,
      record.distance,
      plane?.year ?? NaN,
      plane?.seats ?? NaN,
      ...WEATHER.map((name) => record[name] ?? NaN),
    ];
  }

  /** The records as columns under YDF's names: numbers, and categories as they are (what training left out is "other"). */
  columns(records) {
    const numbers = records.map((record) => this.numbers(record));
    const columns = {};
    NUMBERS.forEach((name, index) => (columns[name] = numbers.map((row) => (Number.isNaN(row[index]) ? null : row[index]))));
    CATEGORIES.forEach((name, index) => {
      const known = this.#first[index];
      columns[name] = records.map((record) => (known.has(record[name]) ? record[name] : "other"));
    });
    return columns;
  }
}

const NUMBERS = [
  ...["departure_minute", "day_of_week", "arrival_minute", "block_time", "miles", "year", "seats"],
  ...WEATHER.map((name) => `${name}_at`),
];
